// What is known of a class, from the snapshot and the messages after it. No page, no socket: reduce(state, message, now)
// gives the next state and leaves the one before as it was.

const CHAT_MOST = 300; // messages kept
const REACTIONS_MOST = 24;

export const EMPTY = {
  ready: false,
  offsetMs: 0, // the server's clock minus ours
  cls: null,
  session: null,
  me: null,
  chat: [],
  chatSettings: { enabled: true, slow_mode_s: 0 },
  rosterSize: 0,
  roster: null, // teacher only
  banned: [], // teacher only
  stream: null,
  recording: null,
  analysis: null,
  join: null,
  quiz: null,
  leaderboard: null,
  engagement: null,
  alerts: [],
  feedback: [],
  reactions: [], // the newest; each has a rising `n`
  reactionCount: 0,
};

/** The name of a chat message in `chat_deleted` and `chat_delete`. */
export const chatKey = (message) => message.message_id ?? message.id;

const isMe = (state, { user_id: id }) => id === undefined || id === state.me?.user_id;

function withMember(state, userId, change) {
  if (!state.roster || userId === undefined) return state;
  const at = state.roster.findIndex((member) => member.user_id === userId);
  const roster = at < 0
    ? [...state.roster, { user_id: userId, name: '', role: 'student', present: true, hand: false, lost: false, muted: false, answered: false, ...change }]
    : state.roster.map((member, i) => (i === at ? { ...member, ...change } : member));
  return { ...state, roster };
}

const withMe = (state, change) => (state.me ? { ...state, me: { ...state.me, ...change } } : state);

/** A mark of one person: in the roster, and on oneself where it is one's own. */
function mark(state, message, change) {
  const known = message.name === undefined ? change : { ...change, name: message.name };
  const next = state.roster && message.user_id !== state.me?.user_id ? withMember(state, message.user_id, known) : state;
  return isMe(state, message) ? withMe(next, change) : next;
}

const clock = (message, now, before) => {
  const at = Date.parse(message.server_time ?? '');
  return Number.isFinite(at) ? at - now : before;
};

/** The quiz with the moment of the server's clock at which it ends, as a number. */
function timed(quiz, offsetMs, now) {
  if (!quiz) return null;
  const closes = Date.parse(quiz.closes_at ?? '');
  const byRest = Number.isFinite(quiz.remaining_ms) ? now + offsetMs + quiz.remaining_ms : null;
  return { ...quiz, endsAtMs: Number.isFinite(closes) ? closes : byRest };
}

const lists = (value) => (Array.isArray(value) ? value : []);

/** Who is there and not in the list of those who have not answered has. */
function withAnswers(roster, notAnswered) {
  if (!notAnswered) return roster;
  const waiting = new Set(notAnswered.map((one) => one.user_id ?? one));
  return roster.map((member) => ({ ...member, answered: member.present && !waiting.has(member.user_id) }));
}

function snapshot(message, now) {
  const offsetMs = clock(message, now, 0);
  return {
    ...EMPTY,
    ready: true,
    offsetMs,
    cls: message.class ?? null,
    session: message.session ?? null,
    me: message.me ?? null,
    chat: lists(message.chat).slice(-CHAT_MOST),
    chatSettings: { ...EMPTY.chatSettings, ...message.chat_settings },
    rosterSize: message.roster_size ?? lists(message.roster).filter(({ present }) => present).length,
    roster: message.roster ? withAnswers(message.roster, message.quiz?.not_answered) : null,
    banned: lists(message.banned),
    stream: message.stream ?? null,
    recording: message.recording ?? null,
    analysis: message.analysis ?? null,
    join: message.join ?? null,
    quiz: timed(message.quiz, offsetMs, now),
    leaderboard: message.leaderboard ?? null,
    engagement: message.engagement ?? null,
    alerts: lists(message.alerts),
  };
}

/** Of the running question only: a late message about an older one changes nothing. */
const ofQuiz = (state, message, change) =>
  state.quiz && (message.quiz_id === undefined || message.quiz_id === state.quiz.quiz_id) ? { ...state, quiz: { ...state.quiz, ...change } } : state;

const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const pick = (message, ...names) => defined(Object.fromEntries(names.map((name) => [name, message[name]])));

function moderation(state, message) {
  switch (message.action) {
    case 'mute': case 'muted': return mark(state, message, { muted: true });
    case 'unmute': case 'unmuted': return mark(state, message, { muted: false });
    case 'ban': case 'banned': {
      const banned = [...state.banned.filter(({ user_id: id }) => id !== message.user_id), { user_id: message.user_id, name: message.name ?? '' }];
      return withMember({ ...state, banned }, message.user_id, { present: false, banned: true });
    }
    case 'unban': case 'unbanned': {
      const banned = state.banned.filter(({ user_id: id }) => id !== message.user_id);
      return withMember({ ...state, banned }, message.user_id, { banned: false });
    }
    case 'lower_hand': return mark(state, message, { hand: false });
    case 'chat_settings': return { ...state, chatSettings: { ...state.chatSettings, ...message.chat_settings } };
    case 'slow_mode': return { ...state, chatSettings: { ...state.chatSettings, slow_mode_s: message.seconds ?? message.slow_mode_s ?? 0 } };
    case 'chat_enabled': return { ...state, chatSettings: { ...state.chatSettings, enabled: message.enabled ?? true } };
    default: return state;
  }
}

function alert(state, { alert: one }) {
  if (!one) return state;
  const rest = state.alerts.filter(({ alert_id: id }) => id !== one.alert_id);
  return { ...state, alerts: [one, ...rest] };
}

/** By the type of the message. */
const handlers = new Map(Object.entries({
  chat(state, message) {
    if (state.chat.some((one) => chatKey(one) === chatKey(message))) return state;
    return { ...state, chat: [...state.chat, message].slice(-CHAT_MOST) };
  },
  chat_deleted: (state, { message_id: id }) => ({ ...state, chat: state.chat.filter((one) => chatKey(one) !== id) }),
  presence(state, message) {
    const next = { ...state, rosterSize: message.roster_size ?? state.rosterSize };
    if (!message.user_id || message.role === 'teacher' || message.role === 'monitor') return next;
    const joined = message.event === 'joined';
    const since = joined ? { since: message.at } : { hand: false };
    return withMember(next, message.user_id, { ...pick(message, 'name', 'role'), ...since, ...message.member, present: joined });
  },
  member(state, message) {
    const next = withMember(state, message.user_id, { name: message.name });
    return isMe(state, message) ? withMe(next, { name: message.name }) : next;
  },
  hand: (state, message) => mark(state, message, { hand: message.up === true }),
  lost: (state, message) => mark(state, message, { lost: message.lost === true }),
  reaction(state, message) {
    const n = state.reactionCount + 1;
    const one = { n, name: message.name, count: message.count ?? 1 };
    return { ...state, reactionCount: n, reactions: [...state.reactions, one].slice(-REACTIONS_MOST) };
  },
  quiz_published(state, message, now) {
    const quiz = { ...message.quiz, state: 'open', my_answer: message.quiz.my_answer ?? null, my_result: null };
    const roster = state.roster?.map((member) => ({ ...member, answered: false })) ?? null;
    return { ...state, roster, quiz: timed(quiz, state.offsetMs, now) };
  },
  quiz_progress(state, message) {
    const next = ofQuiz(state, message, pick(message, 'present', 'answered', 'not_answered', 'distribution'));
    return next.roster ? { ...next, roster: withAnswers(next.roster, message.not_answered) } : next;
  },
  quiz_closed: (state, message) => ofQuiz(state, message, { state: 'closed' }),
  quiz_revealed: (state, message) => ({
    ...ofQuiz(state, message, { state: 'revealed', ...pick(message, 'correct', 'distribution', 'my_answer', 'my_result', 'present', 'answered') }),
    leaderboard: message.leaderboard ?? state.leaderboard,
  }),
  answered: (state, message) => ofQuiz(state, message, { my_answer: message.answer }), // this page's own, acknowledged
  score(state, message) {
    if (message.user_id && message.user_id !== state.me?.user_id) return withMember(state, message.user_id, { score: message.score });
    return withMe(state, { score: message.score });
  },
  leaderboard: (state, message) => ({ ...state, leaderboard: message.leaderboard }),
  engagement(state, message) {
    const { students, ...rest } = pick(message.engagement ?? message, 'mean', 'students', 'confusion', 'trend');
    const byId = new Map(lists(state.engagement?.students).map((student) => [student.student_id, student]));
    for (const student of lists(students)) byId.set(student.student_id, { ...byId.get(student.student_id), ...student }); // only those that changed come
    return { ...state, engagement: { ...state.engagement, ...rest, students: [...byId.values()] } };
  },
  alert,
  stream_state: (state, message) => ({ ...state, stream: message.stream }),
  session: (state, message) => ({ ...state, session: message.session ?? null, quiz: message.session ? state.quiz : null }),
  recording_state: (state, message) => ({ ...state, recording: message.recording && typeof message.recording === 'object' ? message.recording : pick(message, 'recording', 'started_at') }),
  ai_feedback: (state, message) => ({ ...state, feedback: [message, ...state.feedback].slice(0, 20) }),
  moderation,
  chat_settings: (state, message) => ({ ...state, chatSettings: { ...state.chatSettings, ...(message.chat_settings ?? pick(message, 'enabled', 'slow_mode_s')) } }),
  class(state, message) {
    return { ...state, cls: { ...state.cls, ...message.class }, analysis: message.analysis ?? state.analysis, join: message.join ?? state.join };
  },
}));

/**
 * @param {object} state EMPTY, or what reduce() gave
 * @param {object} message one frame of the server
 * @param {number} now this browser's clock in ms
 */
export function reduce(state, message, now = Date.now()) {
  if (message.type === 'snapshot') return snapshot(message, now);
  const handle = state.ready && handlers.get(message.type);
  return handle ? handle(state, message, now) : state;
}

/** What is left of the question by the server's clock, in ms; null without a limit. */
export const remainingMs = ({ quiz, offsetMs }, now = Date.now()) =>
  quiz?.endsAtMs == null ? null : Math.max(0, quiz.endsAtMs - (now + offsetMs));

/** Where the question stands for one who answers: none, answer, locked, result. */
export function phase({ quiz }, leftMs = null) {
  if (!quiz || quiz.state === 'draft') return 'none';
  if (quiz.state === 'revealed') return 'result';
  return quiz.state === 'open' && leftMs !== 0 ? 'answer' : 'locked';
}
