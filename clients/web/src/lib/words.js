// Words that parts without a page ask for.
import { maybe, t } from './i18n.svelte.js';

export const truthWords = () => ({ true: t('quiz.true'), false: t('quiz.false') });

/** A refused request in words: of its problem, else of its status, else the server's own. */
export function complaint(error) {
  const slug = error.problem ?? error.type;
  const status = error.problem === 'offline' || error.problem === 'timeout' ? 0 : error.status;
  return maybe(`problem.${slug}`) ?? maybe(`problem.${status}`) ?? t('problem.other', { detail: error.message });
}
