/** The version in package.json, one step up from src/ and from dist/ alike. */
import {createRequire} from 'node:module';

export const {version} = createRequire(import.meta.url)('../package.json') as {version: string};
