export { CatalogModule } from './catalog.module.js';
export { FirstBootProviders } from './first-boot-providers.port.js';
export {
  type Candidate,
  type ProviderEndpoint,
  RouteDirectory,
  type RouteTable,
} from './route-directory.port.js';
