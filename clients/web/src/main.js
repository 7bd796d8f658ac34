// Starts the page that the address names. Each route is its own chunk; the language file loads beside it.
import './theme.css';
import { mount } from 'svelte';
import { startLanguage } from './lib/i18n.svelte.js';

const routes = {
  '/': () => import('./routes/landing/Landing.svelte'),
  '/student': () => import('./routes/student/Student.svelte'),
  '/teacher': () => import('./routes/teacher/Teacher.svelte'),
};

const path = location.pathname.replace(/\/+$/, '') || '/';
const load = routes[path] ?? (() => import('./routes/NotFound.svelte'));

const [page] = await Promise.all([load(), startLanguage()]);
mount(page.default, { target: document.getElementById('app') });
