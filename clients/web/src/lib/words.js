// Words that parts without a page ask for.
import { maybe, t } from './i18n.svelte.js';

/** For answers: what is true or false, and all answers that have no line of their own. */
export const answerWords = () => ({ true: t('quiz.true'), false: t('quiz.false'), rest: t('quiz.otherAnswers') });

/** A refused request in words: of its problem, else of its status, else the server's own. */
export function complaint(error) {
  const slug = error.problem ?? error.type;
  const status = error.problem === 'offline' || error.problem === 'timeout' ? 0 : error.status;
  return maybe(`problem.${slug}`) ?? maybe(`problem.${status}`) ?? t('problem.other', { detail: error.message });
}
