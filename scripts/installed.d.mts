export function installed(spec: string): string
export function nodeOf(major: string | number): string
