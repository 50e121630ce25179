/**
 * How much more than an idle program one that reads gigabytes and keeps 16 MiB of each stream may take at its peak, in
 * bytes. Alone on a machine it is 85 to 100 MB; how much waits for the garbage collection differs with the load, and newer
 * versions of Node leave more behind while they read pipes: some 90 MB, with nothing of the output kept.
 */
export const ALLOWED_MEMORY = (Number(process.versions.node.split('.')[0]) < 24 ? 150 : 200) * 1024 * 1024

/** The same for output that is only printed and not kept. */
export const ALLOWED_FOR_PRINTING = (Number(process.versions.node.split('.')[0]) < 24 ? 100 : 150) * 1024 * 1024
