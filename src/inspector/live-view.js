// @ts-check
/**
 * The script of the live page: rows as they come, filter, groups, pause, the curve. Without it the page reloads itself, and the form
 * asks the server. It stands inside a script element, so it must not hold an end tag.
 */

{
  const root = document.documentElement
  const table = document.querySelector('table.live')
  const body = table instanceof HTMLTableElement ? table.tBodies[0] : undefined
  const form = document.querySelector('.live-tools')
  if (table instanceof HTMLTableElement && body !== undefined && form instanceof HTMLFormElement) {
    /**
     * @param {string} selector
     * @param {string} text
     */
    const write = (selector, text) => {
      const element = document.querySelector(selector)
      if (element !== null) element.textContent = text
    }
    /** @param {string} text */
    const tell = (text) => write('#live-state', text)
    const columns = table.tHead?.rows[0]?.cells.length ?? 1
    const capacity = Number(table.dataset.capacity)
    /** What the page came with has not just arrived. */
    const newest = Number(table.dataset.last)
    /** @typedef {{ id: number, key: string, cells: [string, string][], rtt?: number }} Entry */
    /** The newest last. @type {Map<string, Entry>} */
    const entries = new Map()
    /** @type {Set<string>} */
    const fresh = new Set()
    let paused = false

    /** @param {Entry} entry */
    const rowOf = ({ key, cells }) => {
      const row = document.createElement('tr')
      cells.forEach(([text, small], i) => {
        const cell = row.insertCell()
        if (i === 1) {
          const link = document.createElement('a')
          link.href = `?live=${encodeURIComponent(key)}`
          link.textContent = text
          cell.append(link)
        } else cell.textContent = text
        if (small === '') return
        const below = document.createElement('small')
        below.textContent = small
        cell.append(below)
      })
      if (fresh.delete(key)) row.className = 'new'
      return row
    }

    /** The curve of `explain/curve.ts`. @param {number[]} times */
    const points = (times) => {
      if (times.length < 2) return ''
      const logs = times.map((time) => Math.log10(Math.max(1, time)))
      const low = Math.min(...logs)
      const height = Math.max(...logs) - low || 1
      return logs
        .map(
          (log, i) => `${((i * 100) / (logs.length - 1)).toFixed(1)},${(28 - ((log - low) / height) * 26).toFixed(1)}`,
        )
        .join(' ')
    }

    const draw = () => {
      // A row that is drawn anew would lose the focus.
      if (paused || body.contains(document.activeElement)) return
      const data = new FormData(form)
      const wanted = String(data.get('filter')).toLowerCase()
      const by = data.get('group')
      /** @type {Map<string, HTMLTableRowElement[]>} */
      const groups = new Map()
      for (const entry of [...entries.values()].reverse()) {
        const { cells } = entry
        if (!cells.some((cell) => cell.join(' ').toLowerCase().includes(wanted))) continue
        const name = (by === 'label' ? cells[1]?.[0] : by === 'network' ? cells[2]?.[1] : '') ?? ''
        groups.set(name, [...(groups.get(name) ?? []), rowOf(entry)])
      }
      const all = [...groups].flatMap(([name, rows]) => {
        if (name === '') return rows
        const title = document.createElement('tr')
        title.className = 'group'
        const cell = document.createElement('th')
        cell.colSpan = columns
        cell.scope = 'colgroup'
        cell.textContent = `${name} (${rows.length})`
        title.append(cell)
        return [title, ...rows]
      })
      body.replaceChildren(...all)
      const times = [...entries.values()].flatMap(({ rtt }) => (rtt === undefined ? [] : [rtt]))
      document.querySelector('.spark polyline')?.setAttribute('points', points(times))
      if (all.length > 0) document.querySelector('.empty')?.remove()
    }
    const pause = form.querySelector('[data-pause]')
    pause?.addEventListener('click', () => {
      paused = !paused
      pause.setAttribute('aria-pressed', String(paused))
      pause.textContent = paused ? 'Go on' : 'Pause'
      draw()
    })
    form.addEventListener('input', draw)
    body.addEventListener('focusout', () => setTimeout(draw))
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      draw()
    })

    const source = new EventSource('?live')
    source.addEventListener('open', () => {
      tell('New connections appear as they come.')
      root.classList.add('streaming')
    })
    source.addEventListener('error', () => {
      tell(
        source.readyState === EventSource.CLOSED
          ? 'The server has no more room for listeners: reload to try again.'
          : 'The server is gone; waiting for it.',
      )
      root.classList.remove('streaming')
    })
    // Without this the browser would ask again, and take the place of the newer page.
    source.addEventListener('replaced', () => {
      source.close()
      tell('Newer pages of this client took the place of this one: reload to go on here.')
      root.classList.remove('streaming')
    })
    /** @type {{ requests: number, unlisted: number, time: number } | undefined} */
    let last
    /** @param {{ requests: number, unlisted: number }} counts */
    const count = ({ requests, unlisted }) => {
      const time = performance.now()
      const seconds = last === undefined ? 0 : (time - last.time) / 1000
      const rate = last === undefined || seconds <= 0 ? 0 : Math.round((requests - last.requests) / seconds)
      const sampled = last !== undefined && unlisted > last.unlisted
      write(
        '#live-counts',
        `${requests} requests since the start, ${rate} a second${
          sampled ? `. Too many to list: a sample of ${table.dataset.rows} a second is shown` : ''
        }.`,
      )
      last = { requests, unlisted, time }
    }
    source.addEventListener('message', (event) => {
      /** @type {{ requests: number, unlisted: number, entries: Entry[] }} */
      const message = JSON.parse(event.data)
      count(message)
      for (const entry of message.entries) {
        if (entries.get(entry.key)?.id === entry.id) continue
        entries.delete(entry.key)
        entries.set(entry.key, entry)
        if (entry.id > newest) fresh.add(entry.key)
      }
      for (const key of entries.keys()) {
        if (entries.size <= capacity) break
        entries.delete(key)
        fresh.delete(key)
      }
      if (message.entries.length > 0) draw()
    })
  }
}
