#!/usr/bin/env node
import {existsSync} from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  const {run} = await import(main.href);
  await run();
} else {
  console.error('bpftop-ts: it has not been built. Build it with: npm run build');
  process.exitCode = 69;
}
