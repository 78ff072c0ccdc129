import { expect } from 'bun:test'
import { needs } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'

// Of a server on one address both ends are known, and the kernel is asked for them; else its table is walked.
for (const hostname of ['127.0.0.1', '0.0.0.0']) {
  needs('linux').test(
    `where no descriptor can be told on ${hostname}, TCP_INFO comes from the kernel’s table and the reason stays for the SYN`,
    async () => {
      await using server = await startServer(undefined, 'test/runtime/servers/refused.ts', {
        HOSTNAME_TO_BIND: hostname,
      })
      const answer: any = await (await fetch(`http://127.0.0.1:${server.port}/`)).json()
      expect(answer).toMatchObject({ available: true, source: 'kernel', peer: { address: '127.0.0.1' } })
      expect(answer.reason).toMatch(/^(denied|unsupported)$/)
      expect(answer.syn).toBeUndefined()
      expect(answer.connection).toBeUndefined()
      expect(answer.tcpInfo).toMatchObject({ state: 1, data_segs_in: 1 })
      expect(answer.timing.rtt.microseconds).toBe(answer.tcpInfo.rtt)
    },
  )
}
