import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {goldenFolder, goldenScreens} from '../helpers/golden.js';

t.test('the screens look as they did when somebody last looked at them; if that is meant: npm run screens', async (t) => {
  const names: string[] = [];
  for await (const [name, text] of goldenScreens(t)) {
    names.push(name);
    const kept = readFileSync(path.join(goldenFolder, name), 'utf8').split('\n');
    const shown = text.split('\n');
    const differing = Array.from({length: Math.max(kept.length, shown.length)}, (_, i) => i).filter(
      (i) => kept[i] !== shown[i],
    );
    t.same(
      differing.flatMap((i) => [`line ${i + 1} was ${kept[i]}`, `line ${i + 1} is  ${shown[i]}`]),
      [],
      name,
    );
  }
  t.same(readdirSync(goldenFolder).sort(), names.sort(), 'and there are no others');
});
