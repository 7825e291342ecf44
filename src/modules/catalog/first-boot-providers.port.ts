/** Opens well-known providers for a fresh installation. */
export abstract class FirstBootProviders {
  /**
   * Makes a provider with the shipped catalog's models for each provider key of the environment, unless there is one of
   * that name. It does not know whether the installation is fresh: called at a later start it would bring back what an
   * operator has deleted since.
   * @returns the names of the providers that were made
   */
  abstract openFromEnvironment(organizationId: string): Promise<readonly string[]>;
}
