#!/usr/bin/env node
import {existsSync} from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error('bpftop-ts: it has not been built. Build it with: npm run build');
  process.exitCode = 69;
}
