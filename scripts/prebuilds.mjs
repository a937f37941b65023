// Compiles the addons that come with the package, with Debian's compilers, here or across. Usage: npm run prebuilds [-- x64|arm64]
import {buildAddon} from './addon.mjs';

const compilers = {x64: 'x86_64-linux-gnu-g++', arm64: 'aarch64-linux-gnu-g++'};
for (const [name, compiler] of Object.entries(compilers))
  if ([undefined, name].includes(process.argv[2])) buildAddon(`prebuilds/linux-${name}`, compiler);
