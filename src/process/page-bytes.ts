import { readFileSync } from 'node:fs'

/** Of a page of memory, by which the kernel counts it. */
export const PAGE_BYTES = pageBytes()

/** Of all common Linux machines that Node runs on only some of arm64 and ppc64 have another size, which smaps tells. */
function pageBytes(): number {
  try {
    const size = /^KernelPageSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps', 'latin1'))
    return size === null ? 4096 : Number(size[1]) * 1024
  } catch {
    return 4096
  }
}
