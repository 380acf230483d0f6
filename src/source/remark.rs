//! Remarks: what a source has to say of a listing, as data.

/// What is passed over in a folder or a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// Its name begins with a dot or an underscore.
    Hidden,
    /// It is empty and stands for a folder.
    Marker,
    /// A download that was not finished has left it, and the whole lies beside it.
    Unfinished,
}

/// What the user should know about what was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A folder holds no files at all.
    EmptyFolder {
        /// The folder.
        folder: String,
    },
    /// A folder holds no files that are read, or none for the window.
    NoFiles {
        /// The folder.
        folder: String,
        /// Whether only those of a window were asked for.
        in_window: bool,
    },
    /// Files were left out because their names tell no flow log, and flow logs are asked for by id.
    NamelessFiles(usize),
    /// Files and folders were left out that other readers pass over too.
    PassedOver {
        /// What they are.
        what: PassedOver,
        /// How many.
        count: usize,
        /// The first of them, in order.
        first: Vec<String>,
    },
    /// What systems, editors and tools leave beside files was left out.
    LeftBehind {
        /// How many.
        count: usize,
        /// The first of them, in order.
        first: Vec<String>,
    },
    /// Packed files were left out that unpack to files that lie beside them.
    PackedTwins {
        /// How many.
        count: usize,
        /// The first of them, in order.
        first: Vec<String>,
    },
    /// Links were left out to files that are read under another name.
    Links {
        /// How many.
        count: usize,
        /// The first of them, in order.
        first: Vec<String>,
    },
    /// Objects were left out because their names tell no flow log, and flow logs are asked for by id.
    NamelessObjects(usize),
    /// Beside the tree of delivered logs there is more, which was not read.
    BesideTheTree {
        /// What was asked for.
        address: String,
        /// What is read of it.
        tree: String,
        /// The first of what lies beside it, in order.
        first: Vec<String>,
        /// Whether there is more.
        more: bool,
    },
    /// There is nothing at all.
    Nothing {
        /// Where.
        address: String,
        /// What is most like it of what there is, if it was typed and leads into a bucket.
        nearest: Option<String>,
    },
    /// There are objects, but by their names none holds what is asked for.
    NothingWanted {
        /// Where.
        address: String,
    },
    /// A flow log that was asked for by id has no object in the window.
    NoObjectOf {
        /// Its id.
        flow_log: String,
    },
    /// Whose objects are read, and how many of each flow log.
    FlowLogsRead(Vec<(String, usize)>),
    /// Log streams were left out because their names begin with no interface.
    OtherStreams {
        /// How many.
        count: usize,
        /// The first of them, in order.
        first: Vec<String>,
    },
    /// Log streams were left out because their last event is more than a day before the window.
    SilentStreams(usize),
    /// There is no log stream to read.
    NoStream {
        /// The group.
        address: String,
    },
    /// Log streams were read one by one, because `FilterLogEvents` is not allowed.
    NotTogether {
        /// What the service said.
        said: String,
    },
    /// Log streams were read one by one, because reading them together failed or cannot be trusted.
    ByStream {
        /// Why.
        why: String,
    },
    /// An operation was throttled, and called less often from then on.
    Throttled {
        /// Which.
        operation: &'static str,
        /// How often its pace was lowered.
        times: u32,
    },
}

impl Remark {
    /// Changes every text in it.
    #[must_use]
    pub fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        let texts = |texts: Vec<String>| texts.iter().map(|text| change(text)).collect();
        match self {
            Self::EmptyFolder { folder } => Self::EmptyFolder {
                folder: change(&folder),
            },
            Self::NoFiles { folder, in_window } => Self::NoFiles {
                folder: change(&folder),
                in_window,
            },
            Self::PassedOver { what, count, first } => Self::PassedOver {
                what,
                count,
                first: texts(first),
            },
            Self::LeftBehind { count, first } => Self::LeftBehind {
                count,
                first: texts(first),
            },
            Self::PackedTwins { count, first } => Self::PackedTwins {
                count,
                first: texts(first),
            },
            Self::Links { count, first } => Self::Links {
                count,
                first: texts(first),
            },
            Self::BesideTheTree {
                address,
                tree,
                first,
                more,
            } => Self::BesideTheTree {
                address: change(&address),
                tree: change(&tree),
                first: texts(first),
                more,
            },
            Self::Nothing { address, nearest } => Self::Nothing {
                address: change(&address),
                nearest: nearest.map(|nearest| change(&nearest)),
            },
            Self::NothingWanted { address } => Self::NothingWanted {
                address: change(&address),
            },
            Self::NoObjectOf { flow_log } => Self::NoObjectOf {
                flow_log: change(&flow_log),
            },
            Self::FlowLogsRead(read) => {
                let read = read.into_iter();
                Self::FlowLogsRead(read.map(|(id, objects)| (change(&id), objects)).collect())
            }
            Self::OtherStreams { count, first } => Self::OtherStreams {
                count,
                first: texts(first),
            },
            Self::NotTogether { said } => Self::NotTogether {
                said: change(&said),
            },
            Self::ByStream { why } => Self::ByStream { why: change(&why) },
            Self::NoStream { address } => Self::NoStream {
                address: change(&address),
            },
            Self::NamelessFiles(_)
            | Self::NamelessObjects(_)
            | Self::SilentStreams(_)
            | Self::Throttled { .. } => self,
        }
    }
}
