import { scryptSync } from 'node:crypto'

export interface User {
  readonly name: string
  readonly password: string
}

export function handle({ name, password }: User): { readonly name: string; readonly key: string } {
  if (password === '') throw new Error(`${name} has no password`)
  return { name, key: scryptSync(password, name, 8).toString('hex') }
}
