/**
 * The script of every page: what makes it pleasanter, and nothing that is needed.
 * @module
 */

/** Plain JavaScript for the browser. Without `</`, since it stands inside a script element. */
export const SCRIPT = `'use strict';
(() => {
  const root = document.documentElement;
  root.classList.add('js');
  const status = document.querySelector('.status');
  let quiet;
  const say = (text) => {
    status.textContent = text;
    status.classList.add('shown');
    clearTimeout(quiet);
    quiet = setTimeout(() => status.classList.remove('shown'), 1600);
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement('textarea');
      area.value = text;
      area.className = 'hidden';
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  };
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (button === null) return;
    const done = await copy(button.dataset.copy);
    say(done ? 'Copied' : 'Copying is not allowed here');
    if (!done) return;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1600);
  });

  const packet = document.querySelector('.packet');
  if (packet !== null) {
    const parts = [...packet.querySelectorAll('[data-f]')];
    const mark = (event) => {
      const part = event.target.closest('[data-f]');
      const wanted = part === null ? [] : part.dataset.f.split(' ');
      for (const one of parts) {
        one.classList.toggle('on', one.dataset.f.split(' ').some((f) => wanted.includes(f)));
      }
    };
    const clear = () => { for (const one of parts) one.classList.remove('on'); };
    packet.addEventListener('pointerover', mark);
    packet.addEventListener('focusin', mark);
    packet.addEventListener('pointerleave', clear);
    packet.addEventListener('focusout', clear);
    packet.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') document.activeElement.blur();
    });
  }

  const table = document.querySelector('[data-live]');
  if (table !== null) {
    const state = document.querySelector('#live-state');
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = new Map([...body.rows].map((row) => [row.dataset.key, row]));
    const source = new EventSource('?live&after=' + encodeURIComponent(table.dataset.live));
    source.addEventListener('open', () => {
      state.textContent = 'New connections appear as they come.';
      root.classList.add('streaming');
    });
    source.addEventListener('error', () => {
      state.textContent = source.readyState === EventSource.CLOSED
        ? 'The server has no more room for listeners: reload to try again.'
        : 'The server is gone; waiting for it.';
      root.classList.remove('streaming');
    });
    source.addEventListener('message', (event) => {
      const { key, cells } = JSON.parse(event.data);
      rows.get(key)?.remove();
      const row = document.createElement('tr');
      row.dataset.key = key;
      cells.forEach((text, i) => {
        const cell = row.insertCell();
        cell.textContent = text;
        cell.dataset.head = heads[i];
      });
      row.className = 'new';
      rows.delete(key);
      rows.set(key, row);
      body.prepend(row);
      document.querySelector('.empty')?.remove();
      while (body.rows.length > Number(table.dataset.capacity)) {
        const last = body.rows[body.rows.length - 1];
        rows.delete(last.dataset.key);
        last.remove();
      }
    });
  }
})();
`
