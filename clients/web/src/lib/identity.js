// Who this browser is in a class: durable, so that a reload is the same person, with the same answers and score.

import { browserId, local } from './store.js';

const key = (classId) => `airclass.class.${classId}`;

/** @returns {{user_id: string, name?: string, token?: string, pin?: string, join?: string}} */
export function identityOf(classId) {
  try {
    const known = JSON.parse(local.get(key(classId)) ?? 'null');
    if (known && typeof known.user_id === 'string') return known;
  } catch {
    // as if there were none
  }
  return { user_id: browserId() };
}

export const keepIdentity = (classId, change) => local.set(key(classId), JSON.stringify({ ...identityOf(classId), ...change }));

/** The last name given anywhere: the one to begin with in the next class. */
export const lastName = () => local.get('airclass.name') ?? '';
export const keepName = (name) => local.set('airclass.name', name);

const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value));

/** The body of POST /api/token. */
export const studentGrant = (classId, { user_id: userId, name, pin, join }) => ({
  user_type: 'student', user_id: userId, action: 'read', class_id: classId, ...defined({ name, pin, join }),
});

/** The user id within a token: the server may have given another one than was asked for. */
export function subjectOf(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).sub ?? null;
  } catch {
    return null;
  }
}
