// How the import aliases and the `.js` specifiers of TypeScript are found in the sources, for dependency-cruiser.
const { resolve } = require('node:path');

const folder = (name) => resolve(__dirname, '../src', name);

module.exports = {
  resolve: {
    alias: {
      '#common': folder('common'),
      '#platform': folder('platform'),
      '#modules': folder('modules'),
    },
    extensionAlias: { '.js': ['.ts', '.js'] },
  },
};
