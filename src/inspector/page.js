// @ts-check
/**
 * The script of every page: what makes it pleasanter, and nothing that is needed. It stands inside a script element, so it
 * must not hold an end tag.
 */

{
  const root = document.documentElement
  root.classList.add('js')

  /**
   * The element of an event's target, or around it, that fits a selector.
   *
   * @param {Event} event
   * @param {string} selector
   * @returns {HTMLElement | null}
   */
  const targetOf = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null)

  const status = document.querySelector('.status')
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding
  /** @param {string} text */
  const say = (text) => {
    if (status === null) return
    status.textContent = text
    status.classList.add('shown')
    clearTimeout(hiding)
    hiding = setTimeout(() => status.classList.remove('shown'), 2000)
  }

  /**
   * Copies text, also where the Clipboard API is missing: it needs a secure context.
   *
   * @param {string} text
   * @returns {Promise<boolean>}
   */
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      const area = document.createElement('textarea')
      area.value = text
      area.className = 'hidden'
      document.body.append(area)
      area.select()
      const done = document.execCommand('copy')
      area.remove()
      return done
    }
  }

  const pathStart = document.querySelector('main')?.dataset.pathStart ?? ''
  document.addEventListener('click', async (event) => {
    const path = targetOf(event, 'button:not([class], [type])')?.textContent
    if (path) {
      const text = pathStart + path
      say((await copy(text)) ? `Copied ${text}` : 'Copying is not allowed here')
      return
    }
    const button = targetOf(event, '.copy')
    if (button === null) return
    const done = await copy(button.previousElementSibling?.textContent ?? '')
    say(done ? 'Copied' : 'Copying is not allowed here')
    if (!done) return
    button.textContent = 'Copied'
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 1600)
  })

  /** @type {HTMLElement | null} */
  const packet = document.querySelector('.packet')
  if (packet !== null) {
    /** @type {HTMLElement[]} */
    const parts = [...packet.querySelectorAll('[data-f]')].filter((part) => part instanceof HTMLElement)
    /** @param {HTMLElement} part */
    const fieldsOf = (part) => (part.dataset.f ?? '').split(' ')
    /** @param {Event} event */
    const mark = (event) => {
      const part = targetOf(event, '[data-f]')
      const wanted = part === null ? [] : fieldsOf(part)
      for (const other of parts) {
        other.classList.toggle(
          'on',
          fieldsOf(other).some((field) => wanted.includes(field)),
        )
      }
    }
    const clear = () => {
      for (const part of parts) part.classList.remove('on')
    }
    packet.addEventListener('pointerover', mark)
    packet.addEventListener('focusin', mark)
    packet.addEventListener('pointerleave', clear)
    packet.addEventListener('focusout', clear)
    packet.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && document.activeElement instanceof HTMLElement) document.activeElement.blur()
    })
  }

  // The cookie stands for the token now: the address bar and the browser's history need it no more.
  const asked = new URLSearchParams(location.search)
  for (const view of ['live', 'history']) {
    if (asked.has(view) && asked.has('token')) history.replaceState(null, '', `?${view}`)
  }
}
