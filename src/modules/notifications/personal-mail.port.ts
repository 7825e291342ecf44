/** A mail to one person about their own account. */
export type PersonalMailMessage = {
  /** `msg_…`; the same where it is sent again, so that it can be known for one. */
  readonly id: string;
  /** What it is about, as the log names it. */
  readonly type: string;
  readonly to: string;
  readonly subject: string;
  /** Its paragraphs. They may hold a secret that is for this person only: nothing of them is logged. */
  readonly lines: readonly string[];
};

export abstract class PersonalMail {
  /** Without a mail server it is logged that there was one, and that is all. Rejects when the server does not take it. */
  abstract send(message: PersonalMailMessage): Promise<void>;
}
