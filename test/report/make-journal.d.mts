export function makeJournal(path: string, count: number, slots?: number): void
