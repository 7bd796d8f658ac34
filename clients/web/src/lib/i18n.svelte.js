// The language of the page: one t(), numbers by Intl, the choice kept in this browser.

import { chooseLanguage, translate } from './i18n-core.js';
import { local } from './store.js';

const byTag = (files) => Object.fromEntries(Object.entries(files).map(([path, loader]) => [/(\w+)\.json$/.exec(path)[1], loader]));
const load = byTag(import.meta.glob('../locales/*.json', { import: 'default' }));
const loadStaff = byTag(import.meta.glob('../locales/staff/*.json', { import: 'default' })); // what no student reads

export const languages = [
  { tag: 'ko', name: '한국어' },
  { tag: 'en', name: 'English' },
];

let current = $state.raw({ language: 'en', messages: {} });
let withStaff = false;

export const language = () => current.language;

/** To be awaited before the first t(). */
export function startLanguage({ staff = false } = {}) {
  withStaff = staff;
  return useLanguage(chooseLanguage(local.get('airclass.language'), navigator.languages ?? [navigator.language], Object.keys(load)));
}

export async function useLanguage(tag) {
  const [messages, more] = await Promise.all([load[tag](), withStaff ? loadStaff[tag]() : {}]);
  current = { language: tag, messages: { ...messages, ...more } };
  document.documentElement.lang = tag;
}

export function chooseAndKeep(tag) {
  local.set('airclass.language', tag);
  return useLanguage(tag);
}

export const t = (key, values) => translate(current.messages, current.language, key, values) ?? key;
/** Like t(), but undefined when there is no such message. */
export const maybe = (key, values) => translate(current.messages, current.language, key, values);
/** A list of texts. */
export const messages = (key) => key.split('.').reduce((node, part) => node?.[part], current.messages) ?? [];

export const number = (value, options) => new Intl.NumberFormat(current.language, options).format(value);

export const percent = (share) => number(share, { style: 'percent', maximumFractionDigits: 1 });

/** 2 400 000 → "2.4 Mbit/s"; the units are the same in both languages. */
export function bitrate(bps) {
  if (bps >= 1e6) return `${number(bps / 1e6, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} Mbit/s`;
  return `${number(bps / 1e3, { maximumFractionDigits: 0 })} kbit/s`;
}

export const milliseconds = (ms) => `${number(ms, { maximumFractionDigits: 0 })} ms`;

/** Seconds with one decimal, in words of the language. */
export const seconds = (ms) => number(ms / 1000, { style: 'unit', unit: 'second', unitDisplay: 'short', maximumFractionDigits: 1 });

/** "3 min ago", from an RFC 3339 time. */
export function ago(at, now = Date.now()) {
  const s = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  const format = new Intl.RelativeTimeFormat(current.language, { numeric: 'always', style: 'short' });
  if (s < 60) return format.format(-s, 'second');
  if (s < 3600) return format.format(-Math.floor(s / 60), 'minute');
  return format.format(-Math.floor(s / 3600), 'hour');
}

/** "3:05", of milliseconds; the last second counts until it is over. */
export function minutes(ms) {
  const s = Math.ceil(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** "14:05" of an RFC 3339 time, in this place. */
export const timeOfDay = (at) => new Intl.DateTimeFormat(current.language, { hour: 'numeric', minute: '2-digit' }).format(new Date(at));
export const dateAndTime = (at) => new Intl.DateTimeFormat(current.language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
