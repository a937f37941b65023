/** Writes the golden screens of test/screens anew, after a change of the screen that is meant: `npm run screens`. */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {goldenFolder, goldenScreens} from '../test/helpers/golden.js';

rmSync(goldenFolder, {recursive: true, force: true});
mkdirSync(goldenFolder);
const done: (() => void)[] = [];
for await (const [name, text] of goldenScreens({teardown: (each) => void done.push(each)}))
  writeFileSync(path.join(goldenFolder, name), text);
for (const each of done) each();
