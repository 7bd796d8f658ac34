// From one page to another without loading anew: what a tap has unlocked (sound) stays unlocked.

let show = () => {};

/** main.js says how a page is shown. */
export const onNavigate = (how) => (show = how);

/** @param {string} url of this server; @param {object} [props] for the page; `replace` leaves no way back to this one */
export function go(url, props = {}, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  return show(props);
}
