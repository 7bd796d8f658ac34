// Messages without a framework: lookup, {placeholders}, plural forms.

/** The language to begin with: what was chosen, else the first of the browser's that we speak, else English. */
export function chooseLanguage(chosen, wanted, known) {
  for (const tag of [chosen, ...(wanted ?? [])]) {
    const language = tag?.toLowerCase().split('-')[0];
    if (known.includes(language)) return language;
  }
  return 'en';
}

/**
 * @param {object} messages nested; a leaf is a text, or an object of plural forms ({one, other}) chosen by `count`
 * @param {string} key "student.waiting.title"
 */
export function translate(messages, language, key, values = {}) {
  let message = key.split('.').reduce((node, part) => node?.[part], messages);
  if (message && typeof message === 'object') {
    message = message[new Intl.PluralRules(language).select(values.count ?? 0)] ?? message.other;
  }
  if (typeof message !== 'string') return undefined;
  return message.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}
