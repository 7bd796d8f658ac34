// The teacher's list of students: who needs something comes first. No framework, no page.

export const SORTS = ['need', 'name', 'score', 'since'];

/** What one is told about a student, most urgent first. */
export function needsOf(member, { asking = false } = {}) {
  const needs = [];
  if (member.hand) needs.push('hand');
  if (member.lost) needs.push('lost');
  if (member.engagement?.flagged && (member.engagement.trend ?? 0) < 0) needs.push('falling');
  if (asking && member.present && !member.answered) needs.push('waiting');
  return needs;
}

const WEIGHT = { hand: 1000, lost: 500, falling: 100, waiting: 20 };
const weigh = (member, options) => needsOf(member, options).reduce((sum, need) => sum + WEIGHT[need], 0) + (member.present ? 5 : 0);

/** The roster with what is known of each student's engagement. */
export function withEngagement(roster, students = []) {
  const byId = new Map(students.map((student) => [student.student_id, student]));
  return roster.map((member) => ({ ...member, engagement: byId.get(member.user_id) ?? null }));
}

const score = ({ engagement }) => engagement?.overall ?? Infinity;
const byName = (a, b) => (a.name || '').localeCompare(b.name || '') || (a.user_id < b.user_id ? -1 : 1);

/** Sorted: by need, by name, the lowest score first, or the latest to come first. Those who are away come last. */
export function sorted(members, sort, options = {}) {
  const orders = {
    need: (a, b) => weigh(b, options) - weigh(a, options) || score(a) - score(b) || 0,
    name: () => 0,
    score: (a, b) => (score(a) === score(b) ? 0 : score(a) - score(b)),
    since: (a, b) => String(b.since ?? '').localeCompare(String(a.since ?? '')),
  };
  return [...members].sort((a, b) => Number(b.present) - Number(a.present) || orders[sort](a, b) || byName(a, b));
}

/** Alerts to show now: not dealt with, not put off; the newest first. */
export const openAlerts = (alerts, now) => alerts.filter(({ acked_at: acked, snoozed_until: until }) => !acked && !(until && Date.parse(until) > now))
  .sort((a, b) => String(b.at ?? '').localeCompare(String(a.at ?? '')));

/** A line through `points` (numbers or null) as the `points` of an SVG polyline of that size. */
export function linePoints(points, width, height, most) {
  const top = most ?? Math.max(1, ...points.filter((value) => value != null));
  const step = points.length > 1 ? width / (points.length - 1) : 0;
  return points.map((value, i) => (value == null ? null : `${(i * step).toFixed(1)},${(height - (Math.min(value, top) / top) * height).toFixed(1)}`)).filter(Boolean).join(' ');
}
