/**
 * The commands. A new one is a row here and a file in `commands/` with its `help` and `run`, loaded when it is called.
 * @module
 */
import type { CommandHelp, Run } from './command.ts'

/** One command. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  load(): Promise<{ readonly help: CommandHelp; readonly run: Run }>
}

/** All commands in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  { name: 'parse', summary: 'decode saved TCP SYN packets', load: () => import('./commands/parse.ts') },
  { name: 'info', summary: 'decode struct tcp_info dumps', load: () => import('./commands/info.ts') },
  { name: 'pcap', summary: 'decode every SYN of capture files', load: () => import('./commands/pcap.ts') },
  {
    name: 'watch',
    summary: 'show SYNs as they come on the wire, labelled',
    load: () => import('./commands/watch.ts'),
  },
  {
    name: 'learn',
    summary: 'make a label database from logged fingerprints',
    load: () => import('./commands/learn.ts'),
  },
  {
    name: 'database',
    summary: 'print the signature database for other programs',
    load: () => import('./commands/database.ts'),
  },
  {
    name: 'evaluate',
    summary: 'count how many known SYNs a database labels right',
    load: () => import('./commands/evaluate.ts'),
  },
  {
    name: 'serve',
    summary: 'run the demonstration server (Linux)',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'history',
    summary: 'say what a store has kept of an address or account',
    load: () => import('./commands/history.ts'),
  },
  {
    name: 'doctor',
    summary: 'say whether this machine can capture, and what to change',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'connections',
    summary: 'list the live TCP connections of this machine with their TCP_INFO',
    load: () => import('./commands/connections.ts'),
  },
]
