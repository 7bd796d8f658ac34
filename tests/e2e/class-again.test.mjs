// A class that is not there yet, is deleted, and is made again under its id: what a teacher and a student see of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, launch, layoutFaults, open, PHONE, saysSoon, screenshot, Server, waitFor } from './harness.mjs';

let browser, server, teacher, student;

before(async () => {
  browser = await launch();
  server = await new Server().start();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const pinOf = async () => (await (await server.api('GET', '/api/classes/algebra')).json()).pin;
const comeIn = async (page) => {
  await page.getByLabel('PIN').fill(await pinOf());
  await page.getByLabel('수업에서 쓸 이름').fill('민지');
  await page.getByRole('button', { name: '들어가기' }).click();
  await page.getByRole('tab', { name: '채팅' }).waitFor();
};
const makeClass = async (page) => {
  await page.getByRole('button', { name: 'Make this class' }).click();
  await waitFor(async () => (await server.api('GET', '/api/classes/algebra')).ok, 'the class');
  await page.getByRole('button', { name: 'Start class' }).waitFor();
};

test('a class that is not there is said to both, and made with a tap', { timeout: 120_000 }, async () => {
  student = await open(browser, `${server.url}/student?class=algebra`, { device: PHONE, locale: 'ko-KR' });
  await saysSoon(student, 'main', /그런 수업이 없습니다/);
  teacher = await open(browser, `${server.url}/teacher?class=algebra#key=${server.teacherKey}`, { device: DESKTOP });
  await saysSoon(teacher, '.unreachable', /There is no class “algebra”/);
  assert.deepEqual(await layoutFaults(teacher), []);
  await screenshot(teacher, 'no-class-teacher');
  await makeClass(teacher);
  // the student's page finds it by itself, and asks for the PIN
  await saysSoon(student, 'h1', /“algebra” 수업에 들어가기/);
  assert.equal(await student.getByRole('alert').innerText(), '');
  await comeIn(student);
});

test('deleted and made again: the old PIN is nothing, and is not tried', { timeout: 120_000 }, async () => {
  const oldPin = await pinOf();
  assert.equal((await server.api('DELETE', '/api/classes/algebra')).status, 204);
  await saysSoon(student, 'main', /그런 수업이 없습니다/);
  await saysSoon(teacher, '.unreachable', /There is no class “algebra”/);
  await teacher.setViewportSize(PHONE.viewport);
  assert.deepEqual(await layoutFaults(teacher), []);
  await screenshot(teacher, 'class-gone-teacher-phone');
  await teacher.setViewportSize(DESKTOP.viewport);
  await makeClass(teacher);
  assert.notEqual(await pinOf(), oldPin);
  await saysSoon(student, 'h1', /“algebra” 수업에 들어가기/);
  assert.equal(await student.getByRole('alert').innerText(), '');
  await comeIn(student);
  assert.doesNotMatch(server.log, /wrong-pin/);
});
