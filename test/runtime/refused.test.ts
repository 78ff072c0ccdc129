import { expect } from 'bun:test'
import { needs } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'

needs('linux').test(
  'where no descriptor can be told, TCP_INFO comes from the kernel’s table and the reason stays for the SYN',
  async () => {
    await using server = await startServer(undefined, 'test/runtime/servers/refused.ts')
    const answer: any = await (await fetch(`http://127.0.0.1:${server.port}/`)).json()
    expect(answer).toMatchObject({ available: true, source: 'kernel', peer: { address: '127.0.0.1' } })
    expect(answer.reason).toMatch(/^(denied|unsupported)$/)
    expect(answer.syn).toBeUndefined()
    expect(answer.connection).toBeUndefined()
    expect(answer.tcpInfo).toMatchObject({ state: 1, data_segs_in: 1 })
    expect(answer.timing.rtt.microseconds).toBe(answer.tcpInfo.rtt)
  },
)
