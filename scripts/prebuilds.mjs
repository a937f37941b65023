// Compiles the addons that come with the package, with Debian's compilers, here or across. Usage: npm run prebuilds [-- x64|arm64]
import {buildAddon, prebuildCompilers} from './addon.mjs';

for (const [name, compiler] of Object.entries(prebuildCompilers))
  if ([undefined, name].includes(process.argv[2])) buildAddon(`prebuilds/linux-${name}`, compiler);
