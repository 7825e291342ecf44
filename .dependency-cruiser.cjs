/** Which module may use which (docs/architecture.md draws the same edges). Everything else is an error. */
const MODULE_EDGES = {
  organizations: [],
  audit: ['auth', 'keys', 'notifications', 'organizations', 'usage'],
  notifications: ['organizations'],
  usage: [],
  billing: ['limits', 'organizations', 'usage'],
  limits: ['organizations'],
  catalog: ['organizations'],
  keys: ['limits', 'notifications', 'organizations', 'usage'],
  auth: ['keys', 'notifications', 'organizations'],
  leaks: ['auth', 'keys'],
  inference: ['keys', 'catalog', 'limits', 'organizations', 'usage'],
  analytics: ['auth', 'keys', 'usage'],
};

const moduleRules = Object.entries(MODULE_EDGES).map(([name, allowed]) => ({
  name: `edges-of-${name}`,
  comment: `${name} may use only: ${allowed.join(', ') || 'no other module'}.`,
  severity: 'error',
  from: { path: `^src/modules/${name}/` },
  to: {
    path: '^src/modules/',
    pathNot: [name, ...allowed].map((other) => `^src/modules/${other}/`),
  },
}));

module.exports = {
  forbidden: [
    ...moduleRules,
    {
      name: 'no-circular',
      comment: 'A cycle of imports throws at load time in ESM.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'common-is-pure',
      severity: 'error',
      from: { path: '^src/common/' },
      to: { path: '^src/(platform|modules)/' },
    },
    {
      name: 'platform-knows-no-module',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/modules/' },
    },
    {
      name: 'modules-through-their-index',
      comment: 'Import a module through its index.ts only.',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/([^/]+)/(?!index\\.ts$)', pathNot: '^src/modules/$1/' },
    },
    {
      name: 'roots-through-index',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/modules/[^/]+/(?!index\\.ts$)' },
    },
    {
      name: 'src-knows-no-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: ['^test/', '^bench/', '\\.spec\\.ts$'] },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'every-module-has-edges',
      comment: 'A new module must stand in MODULE_EDGES.',
      severity: 'error',
      from: { path: `^src/modules/(?!(${Object.keys(MODULE_EDGES).join('|')})/)` },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    webpackConfig: { fileName: 'scripts/dependency-cruiser.resolve.cjs' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
