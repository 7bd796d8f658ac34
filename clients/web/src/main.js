// Starts the page that the address names. Each route is its own chunk; the language file loads beside it, for teachers with their
// part of it.
import './theme.css';
import { mount, unmount } from 'svelte';
import { startLanguage } from './lib/i18n.svelte.js';
import { onNavigate } from './lib/navigate.js';

const routes = {
  '/': { load: () => import('./routes/landing/Landing.svelte') },
  '/join': { load: () => import('./routes/join/Join.svelte') },
  '/student': { load: () => import('./routes/student/Student.svelte') },
  '/teacher': { load: () => import('./routes/teacher/Teacher.svelte'), staff: true },
  '/monitor': { load: () => import('./routes/monitor/Monitor.svelte'), staff: true },
  '/questions': { load: () => import('./routes/questions/Questions.svelte'), staff: true },
  '/report': { load: () => import('./routes/report/Report.svelte'), staff: true },
};
const missing = { load: () => import('./routes/NotFound.svelte') };
let shown = null;

async function show(props = {}) {
  const path = location.pathname.replace(/\/+$/, '') || '/';
  const route = routes[path] ?? missing;
  const staff = route.staff === true;
  const [page] = await Promise.all([route.load(), startLanguage({ staff }), staff && import('./lib/icons-staff.js')]);
  if (shown) await unmount(shown);
  shown = mount(page.default, { target: document.getElementById('app'), props });
}

onNavigate(show);
addEventListener('popstate', () => show());
await show();
