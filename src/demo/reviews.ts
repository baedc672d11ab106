/** The reviews of products that the customers of the shop have written, and the comments on these reviews. */

export interface Review {
  readonly name: string;
  readonly author: string;
  readonly stars: number;
  readonly text: string;
  readonly comments: readonly Comment[];
}

interface Comment {
  readonly author: string;
  readonly text: string;
}

// The columns are: product, author, stars, text, and then any number of comments with their author and text.
const rows: readonly (readonly [string, string, number, string, ...(readonly [string, string])[]])[] = [
  [
    'oak-desk',
    'ines',
    5,
    'Four years old and it still smells of oak.',
    ['ada', 'Do you oil it?'],
    ['ines', 'Once a year.'],
  ],
  ['oak-desk', 'goran', 4, 'Heavy. Bring a friend.', ['bjorn', 'Two, if there are stairs.']],
  ['oak-desk', 'ada', 5, 'The drawer runs like new.'],
  ['hammock', 'jonas', 5, 'Sunday, solved.', ['hana', 'How far apart are your trees?']],
  ['copper-kettle', 'chiara', 3, 'Lovely, but it whistles off key.'],
];

/** Returns the reviews of one product, the newest first. */
export function reviewsOf(product: string): readonly Review[] {
  return rows
    .filter(([id]) => product === `products/${id}`)
    .map(([, author, stars, text, ...comments], index) => ({
      name: `${product}/reviews/${index + 1}`,
      author: `customers/${author}`,
      stars,
      text,
      comments: comments.map(([by, said]) => ({ author: `customers/${by}`, text: said })),
    }))
    .reverse();
}
