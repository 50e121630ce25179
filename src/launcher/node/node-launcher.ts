import { uniqueId } from '../../task/unique-id.js'
import type { Child, ChildEvents, Launcher, LauncherCapabilities, StartSpec } from '../port.js'
import { NodeChild } from './node-child.js'
import { forgetProcessTable, recentProcessTable, TREE_VARIABLE } from './process-table.js'
import { signalProcesses } from './signal-processes.js'

/**
 * The adapter on `node:child_process`: works wherever Node does. What it cannot do is in its capabilities: when this
 * Node process is killed with SIGKILL its children live on, and each start blocks the event loop for as long as the
 * system takes to copy the parent's page tables.
 */
export class NodeLauncher implements Launcher {
  readonly name = 'node'
  readonly capabilities: LauncherCapabilities = {
    endsWithParent: false,
    findsDoubleForks: false,
    bytes: false,
    usage: false,
    realPipes: false,
    limits: false,
    locks: false,
    jobservers: false,
    slots: false,
  }

  /** Tells this launcher's marks from those of every other, in this process or elsewhere. */
  readonly #name = `${outerMark()}${uniqueId()}`
  readonly #running = new Set<NodeChild>()
  readonly #endRunning = () => {
    for (const child of this.#running) child.killNow()
  }
  #started = 0

  start(spec: StartSpec, events: ChildEvents): Child {
    this.#started += 1
    const mark = `${this.#scopeMark(spec.scope, spec.keepLeftovers)}${this.#started}`
    const child: NodeChild = new NodeChild(spec, mark, events, () => this.#forget(child))
    this.#running.add(child)
    // process.exit() and uncaught errors leave no time for anything but this.
    if (this.#running.size === 1) process.once('exit', this.#endRunning)
    return child
  }

  survivors(scope: string): Promise<number> {
    forgetProcessTable()
    return Promise.resolve(this.#inScope(scope).length)
  }

  signalScope(scope: string, signal: NodeJS.Signals): Promise<number> {
    forgetProcessTable()
    return Promise.resolve(signalProcesses(this.#inScope(scope), signal))
  }

  async close(): Promise<void> {
    forgetProcessTable()
    this.#endRunning()
    signalProcesses(recentProcessTable()?.withMark(this.#beginning()) ?? [], 'SIGKILL')
  }

  #forget(child: NodeChild): void {
    this.#running.delete(child)
    if (this.#running.size === 0) process.removeListener('exit', this.#endRunning)
  }

  #inScope(scope: string): number[] {
    return recentProcessTable()?.withMark(this.#scopeMark(scope)) ?? []
  }

  #scopeMark(scope: string, keep = false): string {
    return `${this.#beginning(keep)}${scope}.`
  }

  #beginning(keep = false): string {
    return `${this.#name}${keep ? '-keep-' : '-'}`
  }
}

/** A drover inside a task of another drover adds to the mark it was given, so that the outer one still finds all. */
function outerMark(): string {
  const outer = process.env[TREE_VARIABLE]
  return outer === undefined || outer === '' ? '' : `${outer}/`
}
