// What happens to one user, in a process of its own: each has its own connection, since nothing of the parent is inherited.
import { randomBytes, scryptSync } from 'node:crypto'
import { Client } from 'pg'

/**
 * @typedef {object} User
 * @property {string} name
 * @property {string} password
 */

/** @type {Client} */
let client

export async function setup() {
  client = new Client(JSON.parse(process.env.DATABASE))
  await client.connect()
}

/**
 * @param {User} user
 * @returns {Promise<number>} its id
 */
export async function handle({ name, password }) {
  const salt = randomBytes(16)
  // Slow on purpose, as hashing a password should be: this is the work that several processes share.
  const hash = scryptSync(password, salt, 32, { N: 2 ** 14 })
  const text = 'INSERT INTO users (name, salt, hash) VALUES ($1, $2, $3) RETURNING id'
  const { rows } = await client.query(text, [name, salt, hash])
  return rows[0].id
}

export async function teardown() {
  await client.end()
}
