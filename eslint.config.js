// Lint, and the house rules of CONTRIBUTING.md: which room may import which. A rule that matters is held here, not remembered.
import tseslint from 'typescript-eslint';

/** Which rooms of src/ the files of a room may import (besides their own), and which packages are theirs alone. */
const rooms = {
  sample: [],
  collectors: ['sample', 'addon', 'input', 'errors'],
  model: ['sample', 'errors'],
  output: ['model', 'sample', 'errors'],
  ui: ['model', 'sample', 'errors'],
  serve: ['model', 'sample', 'input', 'errors'],
  cli: ['collectors', 'sample', 'model', 'output', 'serve', 'ui', 'input', 'errors'],
};
const packages = {
  ink: 'ui',
  react: 'ui',
  blessed: 'ui',
  'blessed-contrib': 'ui',
  commander: 'cli',
  'prom-client': 'output',
  bcryptjs: 'serve',
  yaml: 'serve',
};

const roomRules = Object.entries(rooms).map(([room, allowed]) => {
  const closed = [...Object.keys(rooms), 'addon', 'input', 'errors'].filter(
    (other) => other !== room && !allowed.includes(other),
  );
  const foreign = Object.entries(packages).filter(([, owner]) => owner !== room);
  return {
    files: [`src/${room}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...closed.map((other) => ({
              group: [`../${other}/*`, `../../${other}/*`, `../${other}.js`, `../../${other}.js`],
              message: `${room} may not import ${other}: see "One way through the house" in CONTRIBUTING.md.`,
            })),
            ...foreign.map(([name, owner]) => ({group: [name, `${name}/*`], message: `Only ${owner} knows ${name}.`})),
          ],
        },
      ],
      // import() is no import to the rule above.
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportExpression[source.value=/^(\\.\\.\\/)+(${closed.join('|')})\\b/]`,
          message: `${room} may not import that: see "One way through the house" in CONTRIBUTING.md.`,
        },
        {
          selector: `ImportExpression[source.value=/^(${foreign.map(([name]) => name).join('|')})(\\/|$)/]`,
          message: `${room} may not know that package.`,
        },
      ],
    },
  };
});

export default tseslint.config(
  {ignores: ['dist/', 'types/', 'build/', 'node_modules/', '.tap/', 'test/screens/']},
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {allowDefaultProject: ['*.js', 'bin/*.js', 'scripts/*.mjs']},
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
      '@typescript-eslint/no-unused-vars': ['error', {ignoreRestSiblings: true}],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  ...roomRules,
  // The demo loads programs; the screen's frame hands it what gives a stalled terminal back.
  {files: ['src/cli/demo.ts', 'src/cli/exit.ts', 'src/cli/live.ts'], rules: {'no-restricted-imports': 'off'}},
  {
    // Data goes out through cli alone: one place that knows about stdout, stderr and the exit code.
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/cli/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        {object: 'process', property: 'stdout', message: 'Only cli writes to stdout.'},
        {object: 'process', property: 'stderr', message: 'Only cli writes to stderr.'},
        {object: 'process', property: 'exit', message: 'Only cli ends the process.'},
        {object: 'process', property: 'exitCode', message: 'Only cli sets the exit code.'},
      ],
    },
  },
  // t.test() gives a promise that tap itself waits for.
  {files: ['test/**'], rules: {'@typescript-eslint/no-floating-promises': 'off'}},
  {files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked]},
);
