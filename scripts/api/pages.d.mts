/** All pages of docs/api/ by their file names, and what has no doc comment. */
export declare function makePages(root: string): { pages: Record<string, string>; gaps: string[] }
