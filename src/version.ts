/** The version in package.json and the Node it is for, one step up from src/ and from dist/ alike. */
import {createRequire} from 'node:module';

/** Of package.json. */
export const {version, engines} = createRequire(import.meta.url)('../package.json') as {
  version: string;
  engines: {node: string};
};
