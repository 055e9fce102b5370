export {}; // The page's owner writes it.
