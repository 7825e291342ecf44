export { LeaksModule } from './leaks.module.js';
