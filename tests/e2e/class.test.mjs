// A whole class between two browsers: the student joins by PIN, both chat in Korean, a question of each kind is asked, answered and
// revealed, the student is lost, both pages are loaded anew, and the report is taken along.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { DESKTOP, launch, layoutFaults, open, PHONE, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

const CLASS = 'algebra';
const PIN = '482913';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser, server, teacher, student;

before(async () => {
  browser = await launch();
  server = await new Server().start();
  const made = await api('POST', '/api/classes', { class_id: CLASS, title: '대수학', pin: PIN, settings: { leaderboard: true } });
  assert.equal(made.class_id, CLASS);
});
after(async () => {
  await browser?.close();
  await server?.close();
});
afterEach(() => {
  for (const page of [teacher, student]) {
    const complaints = page?.complaints ?? [];
    if (page) page.complaints = [];
    assert.deepEqual(complaints, []);
  }
});

async function api(method, path, body) {
  const response = await server.api(method, path, body);
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** What axe-core finds on the page as it stands, in both colour schemes. */
async function findings(page) {
  const found = [];
  await page.evaluate(axe);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(async () => { // in these colours, with nothing on its way
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      const ending = document.getAnimations().filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime));
      await Promise.allSettled(ending.map(({ finished }) => finished));
    });
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    found.push(...violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join(' | ')}`));
  }
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}

const asTeacher = () => `${server.url}/teacher?class=${CLASS}#key=${server.teacherKey}`;
const tab = (page, name) => page.getByRole('tab', { name }).click();

/** Types with the input method of Chromium: the syllables are composed, and Enter ends the composition as a keyboard does. */
async function typeHangul(page, text) {
  const input = await page.context().newCDPSession(page);
  await page.getByLabel('Write a message').or(page.getByLabel('메시지 쓰기')).focus();
  const whole = [...text];
  await input.send('Input.insertText', { text: whole.slice(0, -1).join('') });
  await input.send('Input.imeSetComposition', { text: whole.at(-1), selectionStart: 1, selectionEnd: 1 });
  // Enter while composing: the browser says keyCode 229, and then ends the composition
  await page.evaluate(() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true })));
  await input.send('Input.insertText', { text: whole.at(-1) });
  await page.keyboard.press('Enter'); // the second one that some systems add
  await input.detach();
}
const messages = (page, text) => page.getByRole('log').locator('.text', { hasText: text }).count();

test('a wrong PIN is refused in words, the right one lets in with the sound on', { timeout: 120_000 }, async () => {
  student = await open(browser, `${server.url}/student?class=${CLASS}`, { device: PHONE, locale: 'ko-KR' });
  await saysSoon(student, 'h1', /“algebra” 수업에 들어가기/);
  assert.match(student.url(), /\/join\?class=algebra$/, 'without the PIN nobody comes in');
  await student.getByLabel(/PIN 번호/).fill('1111');
  await student.getByLabel('수업에서 쓸 이름').fill('김민지');
  await student.getByRole('button', { name: '들어가기' }).tap();
  await saysSoon(student, '[role=alert]', /PIN 번호가 맞지 않습니다/);
  assert.deepEqual(await layoutFaults(student), []);
  await screenshot(student, 'join-phone-ko');
  await student.getByLabel(/PIN 번호/).fill(PIN);
  await student.getByRole('button', { name: '들어가기' }).tap();
  await saysSoon(student, 'h1', /대수학/);
  assert.equal(await student.evaluate(() => document.querySelector('video').muted), false, 'the tap has unlocked the sound');
  await student.getByRole('tab', { name: '채팅' }).waitFor();
  assert.deepEqual(await layoutFaults(student), []);
});

test('the teacher starts the class and sees who is there', { timeout: 120_000 }, async () => {
  teacher = await open(browser, asTeacher(), { device: { viewport: { width: 1440, height: 900 } } });
  await teacher.getByRole('button', { name: 'Start class' }).click();
  await saysSoon(teacher, '.bar', /Class is on/);
  await tab(teacher, 'Class');
  await saysSoon(teacher, '.who', /김민지/);
  assert.deepEqual(await layoutFaults(teacher), []);
});

test('chat in Korean: one Enter sends once; deleted is gone, muted is said', { timeout: 120_000 }, async () => {
  await tab(student, '채팅');
  await typeHangul(student, '안녕하세요');
  await waitFor(async () => (await messages(teacher, '안녕하세요')) > 0, 'the message at the teacher');
  await typeHangul(student, '질문');
  await waitFor(async () => (await messages(teacher, '질문')) > 0, 'the second message');
  assert.equal(await messages(teacher, '안녕하세요'), 1, 'sent once');
  assert.equal(await student.getByLabel('메시지 쓰기').inputValue(), '');
  await typeHangul(teacher, '네');
  await waitFor(async () => (await messages(student, '네')) === 1, 'the answer');
  await teacher.getByRole('button', { name: /Delete the message of 김민지: 질문/ }).click();
  await waitFor(async () => (await messages(student, '질문')) === 0, 'the message to go');
  await teacher.locator('.who').first().click();
  await teacher.getByRole('button', { name: 'Mute' }).click();
  await saysSoon(student, '.silenced', /채팅을 막았습니다/);
  await teacher.locator('.who').first().click();
  await teacher.getByRole('button', { name: 'Unmute' }).click();
  await student.getByLabel('메시지 쓰기').waitFor();
  await screenshot(student, 'student-chat-phone-ko');
});

test('the hand and “I’m lost” reach the teacher', { timeout: 120_000 }, async () => {
  await student.getByRole('tab', { name: '문제' }).click();
  await student.keyboard.press('h');
  await saysSoon(teacher, '.hand', /김민지.*has a hand up/);
  await teacher.getByRole('button', { name: 'Hand down: 김민지' }).click();
  await waitFor(async () => (await student.getByRole('button', { name: '손들기' }).getAttribute('aria-pressed')) === 'false', 'the hand to be down');
  await student.getByRole('button', { name: '모르겠어요' }).tap();
  await teacher.locator('.need.lost').waitFor();
  await student.getByRole('button', { name: '이제 알겠어요' }).tap();
  await teacher.locator('.need.lost').waitFor({ state: 'detached' });
});

const options = ['하나', '둘', '셋'].map((text, i) => ({ id: 'ABC'[i], text }));
const QUESTIONS = [
  { quiz: { type: 'single', question: '1 + 1은?', options, correct: ['B'], points: 10, time_limit_s: 600 }, answer: () => student.keyboard.press('2'), verdict: /정답입니다/ },
  { quiz: { type: 'multiple', question: '홀수는?', options, correct: ['A', 'C'], points: 10 },
    answer: async () => {
      await student.keyboard.press('1');
      await student.keyboard.press('3');
      await student.getByRole('button', { name: '답 보내기' }).tap();
    }, verdict: /정답입니다/ },
  { quiz: { type: 'true_false', question: '0은 짝수이다', correct: ['true'], points: 10 }, answer: () => student.keyboard.press('2'), verdict: /틀렸습니다/ },
  { quiz: { type: 'text', question: '수도는?', correct: ['서울'], points: 10 },
    answer: async () => {
      await student.getByLabel('내 답').fill('서울');
      await student.getByRole('button', { name: '답 보내기' }).tap();
    }, verdict: /정답입니다/ },
  { quiz: { type: 'number', question: '원주율은?', correct: [3.14], tolerance: 0.01, points: 10 },
    answer: async () => {
      await student.getByLabel('내 답 (숫자)').fill('3,14');
      await student.getByRole('button', { name: '답 보내기' }).tap();
    }, verdict: /정답입니다/ },
  { quiz: { type: 'order', question: '작은 것부터', options: [options[1], options[0], options[2]].map(({ text }, i) => ({ id: 'ABC'[i], text })), correct: ['B', 'A', 'C'], points: 10 },
    answer: async () => {
      const names = await student.locator('ol .item').allInnerTexts();
      const wanted = ['하나', '둘', '셋'];
      for (let to = 0; to < 3; to++) {
        for (let at = names.findIndex((name) => name.includes(wanted[to])); at > to; at--) {
          await student.locator('ol .item').nth(at).focus();
          await student.keyboard.press('ArrowUp');
          names.splice(at - 1, 2, names[at], names[at - 1]);
        }
      }
      await student.getByRole('button', { name: '답 보내기' }).tap();
    }, verdict: /정답입니다/ },
  { quiz: { type: 'poll', question: '속도는?', options }, answer: () => student.keyboard.press('1'), verdict: /내 답: A\. 하나/ },
];

test('a question of each kind: asked, answered, closed, revealed', { timeout: 300_000 }, async () => {
  for (const { quiz } of QUESTIONS) await api('POST', '/api/quiz/create', { class_id: CLASS, ...quiz });
  await teacher.reload();
  await tab(teacher, 'Class');
  for (const { quiz, answer, verdict } of QUESTIONS) {
    await teacher.getByRole('button', { name: `Ask: ${quiz.question}` }).click();
    await saysSoon(student, '#question-text', new RegExp(quiz.question.replace(/[?+]/g, '\\$&')));
    await answer();
    await saysSoon(student, '.saved', /저장했습니다/);
    await waitFor(async () => /^1 \/ 1/.test(await teacher.locator('.progress').innerText()), 'one of one to have answered');
    if (quiz.type === 'single') {
      assert.equal(await student.locator('.question .verdict').count(), 0, 'nothing is told before the reveal');
      await student.reload();
      await saysSoon(student, '.options .picked', /둘/);
      await saysSoon(student, '.countdown', /[0-9]:[0-5][0-9]/);
      await teacher.reload();
      await tab(teacher, 'Class');
      await saysSoon(teacher, '.progress', /1 \/ 1/);
      await screenshot(student, 'student-question-phone-ko');
      await screenshot(teacher, 'teacher-question-desktop-en', { fullPage: true });
    }
    assert.deepEqual(await layoutFaults(student), [], quiz.type);
    assert.deepEqual(await findings(student), [], quiz.type);
    await teacher.getByRole('button', { name: 'Close', exact: true }).click();
    await saysSoon(student, '.locked', /마감/);
    await teacher.getByRole('button', { name: 'Reveal' }).click();
    await saysSoon(student, '.question', verdict);
    /* Its commonest orders, in the words of the options. */
    if (quiz.type === 'order') for (const page of [student, teacher]) await saysSoon(page, 'li.correct', /하나.*둘.*셋[^]*1/);
    await screenshot(student, `student-result-${quiz.type}-phone-ko`);
  }
  assert.deepEqual(await findings(teacher), []);
  await screenshot(teacher, 'teacher-revealed-desktop-en', { fullPage: true });
});

test('the projector shows the way in and the result, and no score', { timeout: 120_000 }, async () => {
  const wall = await open(browser, `${server.url}/monitor?class=${CLASS}#key=${server.teacherKey}`, { device: { viewport: { width: 1920, height: 1080 } }, locale: 'ko-KR' });
  await saysSoon(wall, '.pin', new RegExp(PIN));
  await saysSoon(wall, '.question h2', /속도는/);
  await waitFor(() => wall.evaluate(() => document.querySelector('.paper img')?.naturalWidth > 0), 'the code');
  assert.doesNotMatch(await wall.locator('body').innerText(), /김민지.*\d/);
  assert.deepEqual(await layoutFaults(wall), []);
  assert.deepEqual(await findings(wall), []);
  await screenshot(wall, 'monitor-projector-ko');
  assert.deepEqual(wall.complaints, []);
  await wall.context().close();
});

test('many who are lost raise an alert; once seen it is gone, after a reload too', { timeout: 120_000 }, async () => {
  await student.evaluate(async ({ classId, pin }) => {
    window.others = await Promise.all(['A', 'B', 'C', 'D'].map(async (name) => {
      const body = JSON.stringify({ user_type: 'student', user_id: `other-${name}`, name, action: 'read', class_id: classId, pin });
      const { token } = await (await fetch('/api/token', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).json();
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/student?class_id=${classId}`);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token }));
      socket.onmessage = ({ data }) => JSON.parse(data).type === 'snapshot' && socket.send(JSON.stringify({ type: 'lost', lost: true }));
      return socket;
    }));
  }, { classId: CLASS, pin: PIN });
  const alert = teacher.locator('li', { hasText: 'Many students are lost' });
  await alert.waitFor();
  await waitFor(async () => (await teacher.locator('.need.lost').count()) === 4, 'four who are lost, first in the list');
  await screenshot(teacher, 'teacher-alert-desktop-en', { fullPage: true });
  await alert.getByRole('button', { name: 'Seen' }).click();
  await alert.waitFor({ state: 'detached' });
  await teacher.reload();
  await tab(teacher, 'Class');
  await waitFor(async () => (await teacher.locator('.need.lost').count()) === 4, 'the roster to be back');
  assert.equal(await alert.count(), 0);
  await student.evaluate(() => window.others.forEach((socket) => socket.close()));
});

test('the class ends; its report is read and taken along', { timeout: 120_000 }, async () => {
  await teacher.getByRole('button', { name: 'End class' }).click();
  await teacher.getByRole('button', { name: 'Really end it' }).click();
  await teacher.getByRole('link', { name: 'Report' }).click();
  await saysSoon(teacher, 'table', /김민지/);
  await saysSoon(teacher, 'ol', /1 \+ 1은\?/);
  const download = teacher.waitForEvent('download');
  await teacher.getByRole('button', { name: 'CSV' }).click();
  const csv = readFileSync(await (await download).path(), 'utf8');
  assert.ok(csv.startsWith('\ufeff'), 'a spreadsheet reads it as UTF-8');
  assert.match(csv, /김민지/);
  assert.match(csv, /1 \+ 1은\?/);
  assert.deepEqual(await layoutFaults(teacher), []);
  assert.deepEqual(await findings(teacher), []);
  await screenshot(teacher, 'report-desktop-en', { fullPage: true });
});

test('the bank: written, put in order by keyboard, out to a file and in again', { timeout: 120_000 }, async () => {
  const page = await open(browser, `${server.url}/questions?class=${CLASS}#key=${server.teacherKey}`, { device: DESKTOP });
  for (const question of ['First?', 'Second?']) {
    await page.getByRole('button', { name: 'New question' }).click();
    await page.getByLabel('Question', { exact: true }).fill(question);
    await page.getByRole('button', { name: 'Save' }).click();
    await saysSoon(page, 'form [role=alert]', /two options/);
    await page.getByLabel('Option A').fill('yes');
    await page.getByLabel('Option B').fill('no');
    await page.getByLabel('A is right').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await saysSoon(page, 'ol', new RegExp(question.replace('?', '\\?')));
  }
  await page.locator('.grip').nth(1).focus();
  await page.keyboard.press('ArrowUp');
  await saysSoon(page, '.said', /place 1/);
  await saysSoon(page, 'ol li:first-child', /Second/);
  await page.reload();
  await saysSoon(page, 'ol li:first-child', /Second/);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: /^CSV/ }).click();
  await page.locator('input[type=file]').setInputFiles(await (await download).path());
  await saysSoon(page, '.said', /2 questions imported/);
  assert.equal(await page.locator('ol > li').count(), 4);
  assert.deepEqual(await layoutFaults(page), []);
  await screenshot(page, 'bank-desktop-en');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('who was removed stays out, also under another name', { timeout: 120_000 }, async () => {
  await teacher.goto(asTeacher());
  await tab(teacher, 'Class');
  await teacher.locator('.who', { hasText: '김민지' }).click();
  await teacher.getByRole('button', { name: 'Remove', exact: true }).click();
  await teacher.getByRole('button', { name: 'Really remove' }).click();
  await saysSoon(student, '.over', /내보내졌습니다/);
  await student.goto(`${server.url}/join?class=${CLASS}`);
  await student.getByLabel(/PIN 번호/).fill(PIN);
  await student.getByLabel('수업에서 쓸 이름').fill('다른 이름');
  await student.getByRole('button', { name: '들어가기' }).tap();
  await saysSoon(student, '[role=alert]', /내보냈습니다/);
  student.complaints = student.complaints.filter((text) => !/status of 403/.test(text));
});
