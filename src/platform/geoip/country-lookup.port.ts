/** Tells the country of an internet address, from a database in this process: nobody outside is asked. */
export abstract class CountryLookup {
  /**
   * The ISO 3166-1 alpha-2 code in upper case. `null` when it is not known: an address that is not on the public
   * internet (private, loopback, link-local, shared by a carrier, reserved), one that the database does not have, or
   * no address at all. Never throws; an address that was asked for recently costs a look into a map.
   * @param address IPv4 or IPv6; an IPv4-mapped IPv6 address counts as the IPv4 address, a zone id is ignored
   */
  abstract countryOf(address: string): string | null;
}
