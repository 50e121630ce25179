import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'

const FOLDER = fileURLToPath(new URL('../../clients', import.meta.url))

interface Language {
  readonly language: string
  readonly run: (source: string) => Promise<string>
  /** Words that differ: the same program is written in both. */
  readonly many: string
  readonly ordered: string
  readonly mistakes: string
  readonly early: (seconds: string) => string
  readonly throws: (seconds: string) => string
}

async function printedBy(program: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64e6, env })
  return stdout
}

const php = (source: string) =>
  printedBy('php', [
    '-r',
    `require '${FOLDER}/php/Drover.php'; $drover = new Drover\\Drover(['${process.execPath}', '${PROGRAM}']); ${source}`,
  ])
const python = (source: string) =>
  printedBy('python3', [
    '-c',
    `import sys; sys.path.insert(0, '${FOLDER}/python')\nfrom drover_client import *\ndrover = Drover(['${process.execPath}', '${PROGRAM}'])\n${source}`,
  ])

const LANGUAGES: readonly Language[] = [
  {
    language: 'PHP',
    run: php,
    many: `
      function tasks() { for ($n = 0; $n < 5000; $n++) yield ['id' => "n$n", 'command' => 'printf', 'args' => ['%s', "$n \\xe9"]]; }
      $seen = 0;
      foreach ($drover->run(tasks(), ['jobs' => 4]) as $result) $seen += Drover\\Drover::bytes($result) === substr($result['id'], 1) . " \\xe9";
      echo $seen;`,
    ordered: `
      $big = 'head -c 5000000 /dev/zero | tr "\\\\0" e >&2; head -c 5000000 /dev/zero | tr "\\\\0" o';
      foreach ($drover->runAll([$big, 'exit 3', 'kill -9 $$', ['command' => '/nonexistent', 'args' => []], ['comand' => 'x'], 'echo $A']
          , ['jobs' => 3]) as $result) echo $result['state'], ' ', strlen($result['stdout']), ' ', strlen($result['stderr']), "\\n";`,
    mistakes: `
      foreach ([['frobnicate' => 1], ['jobs' => 'many'], ['tasks' => 'x'], ['launcher' => 'none']] as $options) {
        try { $drover->runAll(['true'], $options); } catch (Drover\\DroverException $error) { echo json_encode($error->status), ' ', strtok($error->getMessage(), "\\n"), "\\n"; }
      }
      try { (new Drover\\Drover('/nonexistent/drover'))->runAll(['true']); } catch (Drover\\DroverException $error) { echo 'not started'; }`,
    early: (seconds) => `
      foreach ($drover->run(['sleep ${seconds}', 'sleep ${seconds}', 'echo first'], ['jobs' => 3]) as $result) break;
      echo $result['stdout'];`,
    throws: (seconds) => `
      function tasks() { yield 'sleep ${seconds}'; throw new LogicException('no more tasks'); }
      try { $drover->runAll(tasks(), ['jobs' => 3]); } catch (LogicException $error) { echo $error->getMessage(); }`,
  },
  {
    language: 'Python',
    run: python,
    many: `
tasks = ({'id': f'n{n}', 'command': 'printf', 'args': ['%s', f'{n} '.encode() + b'\\xe9']} for n in range(5000))
print(sum(output_bytes(result) == result['id'][1:].encode() + b' \\xe9' for result in drover.run(tasks, jobs=4)), end='')`,
    ordered: `
big = 'head -c 5000000 /dev/zero | tr "\\\\0" e >&2; head -c 5000000 /dev/zero | tr "\\\\0" o'
for result in drover.run_all([big, 'exit 3', 'kill -9 $$', {'command': '/nonexistent', 'args': []}, {'comand': 'x'}, 'echo $A'], jobs=3):
    print(result['state'], len(result['stdout']), len(result['stderr']))`,
    mistakes: `
for options in ({'frobnicate': 1}, {'jobs': 'many'}, {'tasks': 'x'}, {'launcher': 'none'}):
    try: drover.run_all(['true'], **options)
    except DroverError as error: print('null' if error.status is None else error.status, str(error).split('\\n')[0])
try: Drover('/nonexistent/drover').run_all(['true'])
except DroverError: print('not started', end='')`,
    early: (seconds) => `
for result in drover.run(['sleep ${seconds}', 'sleep ${seconds}', 'echo first'], jobs=3): break
print(result['stdout'], end='')`,
    throws: (seconds) => `
def tasks():
    yield 'sleep ${seconds}'
    raise LookupError('no more tasks')
try: drover.run_all(tasks(), jobs=3)
except LookupError as error: print(error.args[0], end='')`,
  },
]

describe.each(LANGUAGES)('drover called from $language', ({ run, many, ordered, mistakes, early, throws }) => {
  it('runs tasks that come from a generator, with any bytes', async () => {
    expect(await run(many)).toBe('5000')
  }, 60_000)

  it('gives results in the order of the tasks, whatever became of them', async () => {
    const lines = (await run(ordered)).trimEnd().split('\n')
    expect(lines).toEqual([
      'succeeded 5000000 5000000',
      'failed 0 0',
      'killed 0 0',
      'spawn-failed 0 0',
      'invalid 0 0',
      'succeeded 1 0',
    ])
  })

  it('says what was wrong with the call', async () => {
    const lines = (await run(mistakes)).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^255 .*frobnicate/)
    expect(lines[1]).toMatch(/^255 .*many/)
    expect(lines[2]).toMatch(/^null .*tasks/)
    expect(lines[3]).toMatch(/^255 .*none/)
    expect(lines[4]).toBe('not started')
  })

  it('ends what runs when the loop is left', async () => {
    const seconds = uniqueSleep()
    expect(await run(early(seconds))).toBe('first\n')
    expect(processesWith(seconds)).toEqual([])
  })

  it('ends what runs when the generator of tasks fails', async () => {
    const seconds = uniqueSleep()
    expect(await run(throws(seconds))).toBe('no more tasks')
    expect(processesWith(seconds)).toEqual([])
  })
})
