// Tasks and a worker with a limit of memory, in control groups of version 2: prints what became of them, a line of JSON. Its first
// argument, or $DROVER_URL, is where drover is.
const { dispatch, ProcessPool } = await import(process.env.DROVER_URL)
const MIB = 2 ** 20
const hog = `python3 -c 'import time; x = bytearray(300 << 20); time.sleep(60)'`
const tasks = ['echo 1', `${hog}; echo went on`, `setsid ${hog} & wait; echo went on`, 'echo 2']
const results = []
for await (const result of dispatch(tasks, { concurrency: 4, maxMemoryBytes: 100 * MIB, maxProcesses: 20 }))
  results.push(result)
results.sort((a, b) => a.index - b.index)
const pool = new ProcessPool('sh', ['-c', 'while read -r line; do sh -c "$line" >/dev/null; echo "$line"; done'], {
  protocol: 'lines',
  max: 1,
  maxMemoryBytes: 100 * MIB,
})
const codes = []
for (const line of ['true', hog, 'true'])
  codes.push(
    await pool.request(line).then(
      () => 'answered',
      ({ code }) => code,
    ),
  )
await pool.close()
console.log(
  JSON.stringify({
    results: results.map(({ state, stdout, error, maxRssBytes }) => ({
      state,
      stdout,
      code: error?.code ?? null,
      maxRssBytes,
    })),
    codes,
  }),
)
