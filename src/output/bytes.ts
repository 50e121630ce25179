export const NEWLINE = 10
