// What a user's program may look like. It is compiled against the types of the packed package, and run.
import {
  CommandError,
  Dispatcher,
  DroverError,
  dispatch,
  forEach,
  type ItemResult,
  Process,
  ProcessPool,
  type Result,
  run,
  type Summary,
  type Task,
} from 'drover'

/** Compiles only for values of exactly this type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = (_: true) => {}

const { stdout } = await run('echo', ['hi'], { timeoutMs: 20_000 })
const text: string = stdout
const { stdout: bytes } = await run('echo', ['hi'], { encoding: 'buffer' })
isTrue(Buffer.isBuffer(bytes) as true)

const tasks: Task[] = [
  { command: 'echo', args: ['one'] },
  { id: 'two', command: 'exit 3' },
]
const states: string[] = []
for await (const result of dispatch(tasks, { concurrency: 2 })) {
  isTrue(null as unknown as Same<typeof result, Result>)
  if (result.state === 'failed') states.push(`${result.id} ${result.exitCode}`)
}
const summary: Summary = await dispatch(tasks).summary()

const dispatcher = new Dispatcher({ concurrency: 1, keepFinished: true })
void dispatcher.add({ command: 'true' })
await dispatcher.dispatch()
const done: number = dispatcher.finished.length

const child = new Process('echo a; echo b')
child.start()
const lines: string[] = []
for await (const line of child.stdout) lines.push(line)

const users = [
  { name: 'ada', password: 'secret' },
  { name: 'bob', password: '' },
]
const named: string[] = []
for await (const result of forEach<typeof import('./user.js')>(users, new URL('./user.js', import.meta.url))) {
  isTrue(null as unknown as Same<typeof result.item, import('./user.js').User>)
  isTrue(null as unknown as Same<typeof result.value, { readonly name: string; readonly key: string } | undefined>)
  named.push(`${result.item.name} ${result.value?.key.length ?? result.error?.message}`)
}
const plain: AsyncIterable<ItemResult<number, unknown>> = forEach([1, 2], new URL('./user.js', import.meta.url))
void plain

const pool = new ProcessPool(process.execPath, [new URL('./worker.js', import.meta.url).pathname], {
  protocol: 'frames',
  max: 1,
})
const { value } = await pool.request('drow')
await pool.close()

let code = ''
try {
  await run('false')
} catch (error) {
  if (error instanceof CommandError) code = `${error.result.exitCode} ${error instanceof DroverError}`
}

console.log(
  JSON.stringify({
    text,
    states: states.sort(),
    failures: summary.failures,
    done,
    lines,
    named: named.sort(),
    value,
    code,
  }),
)

// What is wrong does not compile.
// @ts-expect-error: there is no such option
void (() => dispatch(tasks, { concurency: 2 }))
// @ts-expect-error: a task has a command
void (() => dispatch([{ args: ['a'] }]))
// @ts-expect-error: these are not items that the module handles
void (() => forEach<typeof import('./user.js')>(['ada'], new URL('./user.js', import.meta.url)))
// @ts-expect-error: durations are numbers of milliseconds
void (() => run('true', [], { timeoutMs: '1s' }))
// @ts-expect-error: a pool of a command must be told how its workers talk
void (() => new ProcessPool('bc', { max: '2' }))
// @ts-expect-error: this state does not exist
void ((result: Result) => result.state === 'finished')
