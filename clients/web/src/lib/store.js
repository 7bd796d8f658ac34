// What the browser remembers. Storage may be forbidden (private windows, embedded pages): then nothing is remembered.

const guarded = (area) => ({
  get(key) {
    try {
      return globalThis[area].getItem(key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      if (value == null) globalThis[area].removeItem(key);
      else globalThis[area].setItem(key, value);
    } catch {
      // not remembered
    }
  },
});

export const local = guarded('localStorage');
export const session = guarded('sessionStorage');

/** A random id of this browser, made once. Works on plain http too, where crypto.randomUUID does not exist. */
export function browserId() {
  let id = local.get('airclass.id');
  if (!/^[a-z]-[0-9a-f]{24}$/.test(id ?? '')) {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    id = `u-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    local.set('airclass.id', id);
  }
  return id;
}

/** The class that the address names, `?class=algebra`; anything that is no class id gives the default class. */
export function classId(search = location.search) {
  const name = new URLSearchParams(search).get('class') ?? '';
  return /^[0-9A-Za-z_.~-]{1,64}$/.test(name) && !/^\.+$/.test(name) ? name : 'stream';
}
