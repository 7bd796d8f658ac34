// The teacher's table of students: its order, and the words of its summary. No framework, no page.

/** The columns, and whether the worst of each stands at its lower or upper end. */
export const COLUMNS = [
  { key: 'address', worst: 'low' },
  { key: 'level', worst: 'high' },
  { key: 'loss', worst: 'high' },
  { key: 'rtt', worst: 'high' },
  { key: 'jitter', worst: 'high' },
  { key: 'nacks', worst: 'high' },
  { key: 'keyframe_requests', worst: 'high' },
  { key: 'estimate', worst: 'low' },
  { key: 'bitrate', worst: 'low' },
  { key: 'since', worst: 'low' },
];

export const WORST = 'worst';

/** The order after a tap on a column: its worst first, then turned round, then back to the worst of all. */
export function nextSort(sort, key) {
  const first = COLUMNS.find((column) => column.key === key).worst === 'high' ? `-${key}` : key;
  const second = first.startsWith('-') ? key : `-${key}`;
  if (sort === first) return second;
  return sort === second ? WORST : first;
}

/** For aria-sort. */
export function direction(sort, key) {
  if (sort === key) return 'ascending';
  return sort === `-${key}` ? 'descending' : 'none';
}

/** The viewers in the order of `before` as far as they were there, the new ones after them: nobody moves under a finger. */
export function keepOrder(before, viewers) {
  const places = new Map(before.map(({ viewer_id: id }, i) => [id, i]));
  const place = ({ viewer_id: id }) => places.get(id) ?? Infinity;
  return viewers.map((viewer, i) => [place(viewer), i, viewer]).sort((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] - b[0])).map(([, , viewer]) => viewer);
}

/** Whether who is missing in the list has left: else others may only have come before them in its first `limit` places. */
export const isComplete = (list, limit) => list.viewers.length === list.summary.viewers || list.viewers.length > limit;

/** "[2001:db8::1]:5000" → "2001:db8::1" */
export const hostOf = (address) => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** Who it is, where the page did not make up the name. */
export const nameOf = (userId) => (userId && !/^[a-z]-[0-9a-f]{24}$/.test(userId) ? userId : '');

/** [['full', 26], ['low', 1]] of those that there are. */
export const levelsOf = (summary) => Object.entries(summary.levels).filter(([, count]) => count > 0);

export const isBad = (viewer) => ({ loss: viewer.loss >= 0.05, rtt: viewer.rtt_ms >= 400, jitter: viewer.jitter_ms >= 80 });
