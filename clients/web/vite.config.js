import { defineConfig } from 'vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';

// One page, index.html, that loads the code of the route it is opened at. No inline scripts: the pages work under a
// Content-Security-Policy of default-src 'self'. In development the server's own paths are passed on to it.
const server = process.env.AIRCLASS_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: ['chrome90', 'firefox90', 'safari15'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    manifest: true, // for the test of what a route loads
  },
  server: { proxy: { '/api': server, '/live': server } },
});
