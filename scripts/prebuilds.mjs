// Compiles the addons that come with the package, for each architecture: with Debian's compilers, here or across. Usage: npm run prebuilds
import {buildAddon} from './addon.mjs';

buildAddon('prebuilds/linux-x64', 'x86_64-linux-gnu-g++');
buildAddon('prebuilds/linux-arm64', 'aarch64-linux-gnu-g++');
