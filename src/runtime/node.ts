/**
 * Everything that is Node's. Files, programs and the environment work; connections are those of `tcpfingerprint/node`.
 * @module
 */
import type { LibcUnavailable } from '../../ffi/libc.ts'
import { CommonRuntime } from './common.ts'
import { processGlobal } from './globals.ts'
import { spawnNode } from './spawn-node.ts'
import type { LocalEnd, Runtime, ServerAddress } from './types.ts'

const MESSAGE = 'this is Node: import "tcpfingerprint/node"'
const STOPPED: ServerAddress = { kind: 'stopped' }
const NO_LOCAL: LocalEnd = { address: undefined, port: undefined }
const NO_SERVER = {}

class NodeRuntime extends CommonRuntime implements Runtime {
  readonly name = 'node'
  readonly outlivesPeer = false
  readonly spawn: typeof spawnNode = spawnNode

  get version(): string {
    return processGlobal()?.versions.node ?? ''
  }

  openLibc(): LibcUnavailable {
    return { reason: 'unsupported', message: MESSAGE }
  }

  peerOf(): 'unsupported' {
    return 'unsupported'
  }

  descriptorOf(): undefined {}

  serverOf(): object {
    return NO_SERVER
  }

  addressOf(): ServerAddress {
    return STOPPED
  }

  localOf(): LocalEnd {
    return NO_LOCAL
  }

  setIdleTimeout(): void {}

  listen(): never {
    throw new Error('Cannot serve: Node has no server of Web requests')
  }

  /** Every body is counted as it is sent. */
  bodyOf(): 'stream' {
    return 'stream'
  }

  textBody(): undefined {}

  addedField(): undefined {}

  onGone(request: Request, _server: unknown, run: () => void): () => void {
    const { signal } = request
    signal.addEventListener('abort', run)
    return () => signal.removeEventListener('abort', run)
  }
}

/** Node. */
export const node: Runtime = /* @__PURE__ */ new NodeRuntime()
